"""The methods: each file is one way of reuse."""
