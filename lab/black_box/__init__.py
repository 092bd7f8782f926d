"""The release binary on loopback, from outside: bad input, bad origins, bad moments."""
