"""Going to get tickets where they are: pages of remote interfaces (HTTPS) and files of servers (SFTP)."""
