"""Networks in the browser: the plan of what to compute, the engine that computes it, and the preparation of drawings."""
