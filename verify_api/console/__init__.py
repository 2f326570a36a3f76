"""Plain pages for the registrar, over what the issuer's API answers. No cookies, no script, nothing from elsewhere."""
