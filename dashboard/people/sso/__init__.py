"""Single sign-on: OpenID Connect Core 1.0 as a relying party, by the authorization code flow (§3.1).

django-allauth keeps which account is linked with whom at the provider, the state between the two halves of a sign-in, and the stages of signing in. What goes
over the wire is ours, because its own openid_connect sends no nonce, looks at no signature, compares the issuer with what the provider's document says instead
of what the operator said, doesn't compare the two subjects, takes scopes and parameters from the query, and reads answers of any length for any time.
"""
