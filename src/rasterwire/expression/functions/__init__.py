"""The functions that expressions call, by family; each module adds its functions to the table."""
