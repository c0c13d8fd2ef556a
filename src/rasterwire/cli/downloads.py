"""``downloads``."""

import click

from rasterwire.cli.server import Server, server_options
from rasterwire.cli.text import printable


@click.command()
@server_options
@click.option("--delete", metavar="NAME", help="Delete this one instead, and print nothing.")
@click.option("--token", default="", help="Of NAME; a tenant needs none.")
def downloads(server: Server, delete: str | None, token: str) -> None:
    """List the registered downloads of a server, or of the tenant of an API key: name, end and file.

    \b
      rasterwire downloads
      rasterwire downloads --delete downloads/0f4e... --token 8c1a...
    """
    with server.client() as client:
        if delete is not None:
            client.delete_download({"docid": delete, "token": token})
            return
        for item in client.list_downloads():
            end = item.expire_time.ToDatetime().strftime("%Y-%m-%dT%H:%M:%SZ")
            click.echo(f"{item.name}  {end}  {printable(item.filename)}")
