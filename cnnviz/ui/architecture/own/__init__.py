"""A person's own network on the Architecture page: its code, what it gives as one types, and what to do with it."""
