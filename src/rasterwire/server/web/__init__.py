"""What both HTTP doors share: bodies of requests, files as answers, errors, cross-origin rules."""
