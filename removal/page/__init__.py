"""The web page of `remove serve`: a server for one person on their own machine, and the page it shows."""
