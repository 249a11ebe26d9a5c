"""What a job does when an audit is done: hooks, MLflow, a model repository's README."""
