"""The embedded demo subject: a surface classifier with a planted shortcut, made in seconds."""
