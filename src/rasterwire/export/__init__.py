"""Results of any size, made in parts that end in the operator's bucket or folder."""
