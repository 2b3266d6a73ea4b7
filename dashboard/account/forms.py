"""Forms for changing one's own account."""

from typing import Any

from django import forms

from dashboard.frame import fields
from dashboard.models import User


class ProfileForm(forms.Form):
    name = forms.CharField(
        label="Name",
        required=False,
        max_length=100,
        help_text="Others see it in the list of members, the audit log and mail. Without a name they see your email address.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"max_length": "A name can have at most 100 characters."},
    )


class DisplayForm(forms.Form):
    has_single_keys = forms.BooleanField(required=False)


class PasswordForm(forms.Form):
    """A new password. user: the person who gets it; None if a link is invalid."""

    new_password = fields.new_password(autofocus=True)

    def __init__(self, user: User | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_new_password(self) -> str:
        return fields.check_password_of(self.user, self.cleaned_data["new_password"])


class ChangePasswordForm(PasswordForm):
    """This form always requires the current password. OWASP ASVS 5.0, 6.2.3."""

    field_order = ("current_password", "new_password")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.user: User
        if user.has_usable_password():
            self.fields["current_password"] = fields.password(label="Current password", autofocus=True)
            del self.fields["new_password"].widget.attrs["autofocus"]
            self.order_fields(self.field_order)

    def is_proved(self) -> bool:
        """Whether a valid form's password and code are right. Call it within dashboard.people.throttling.attempt, because it computes an argon2id hash."""
        if "current_password" not in self.fields or self.user.check_password(self.cleaned_data["current_password"]):
            return True
        self.add_error("current_password", "That isn’t your current password. Enter it again.")
        return False


class EmailForm(forms.Form):
    email = fields.email(autocomplete="email", autofocus=True)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).strip().lower()


class ConfirmForm(forms.Form):
    """The password, and a code if the account has second factors."""

    def __init__(self, *args: Any, asks_password: bool, asks_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if asks_password:
            self.fields["password"] = fields.password(autofocus=True)
        if asks_code:
            self.fields["code"] = fields.code()
            self.fields["code"].help_text = "The current code from your authenticator app, or one of your recovery codes."


class PasskeyNameForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=100,
        help_text="So that you recognise it later, for example Laptop.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
        error_messages={"required": "Enter a name, for example Laptop.", "max_length": "A name can have at most 100 characters."},
    )


class NewPasskeyForm(PasskeyNameForm):
    credential = fields.CredentialField()
