"""The library: an audit of objects, a finished run as frames, and what the commands are made of."""
