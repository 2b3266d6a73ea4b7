"""Single sign-on: OpenID Connect Core 1.0 as a relying party, by the authorization code flow (§3.1).

django-allauth stores the links between accounts and persons at the provider, the state between the two halves of a sign-in, and the stages of signing in. The
protocol is our own code, because allauth's openid_connect sends no nonce, checks no signature, compares the issuer with the provider's document instead of the
operator's setting, doesn't compare the two subjects, takes scopes and parameters from the query, and reads responses of any length for any time.
"""
