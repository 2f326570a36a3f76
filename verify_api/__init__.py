"""The web edge: public pages, the issuer's API and the testamur command."""
