"""The process: its parts put together, its workers, its memory, and what it compiles."""
