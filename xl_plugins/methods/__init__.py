"""The methods: each with its task, its criterion and the published hyper-parameters, and none knows another."""
