"""What servers share in a PostgreSQL database. Its packages are those of the extra ``postgres``."""
