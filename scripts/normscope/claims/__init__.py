"""Whether the article's claims hold."""
