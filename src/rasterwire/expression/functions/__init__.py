"""The functions that expressions call, by family; each module adds its own to the table of signatures."""
