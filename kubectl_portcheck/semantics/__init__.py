"""How Kubernetes behaves: pure functions on the model, each with the source of its facts."""
