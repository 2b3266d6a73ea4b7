"""What a new password must be, said in our words."""

from django.contrib.auth import password_validation


class LongEnough(password_validation.MinimumLengthValidator):
    def get_error_message(self) -> str:
        return f"A password has at least {self.min_length} characters. Make it longer."


class NotCommon(password_validation.CommonPasswordValidator):
    def get_error_message(self) -> str:
        return "This is one of the common passwords, which are tried first. Choose another."


class NotAlike(password_validation.UserAttributeSimilarityValidator):
    def get_error_message(self) -> str:
        return "This is too much like the %(verbose_name)s. Choose another."
