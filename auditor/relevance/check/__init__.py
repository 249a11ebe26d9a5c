"""Checks of an explainer: how exact it is, where relevance stays, what it costs."""
