"""What a job does when an audit is done: hooks, trackers, a model repository's README."""
