"""The picture of a helper: taken in with a form, drawn anew, kept under a name of our own making."""

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, ValidationError

from marketplace.gateways.pictures import BadPicture, Picture, redrawn
from marketplace.ids import public_id
from marketplace.web.current import gateways, policy
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.languages import say

EDGE = 480  # pixels: a portrait is never shown larger


class PhotoForm(FlaskForm):
    """A picture of the helper; after `validate()` it stands redrawn in `picture`."""

    photo = FileField(
        _l("Photo of you"), description=_l("A friendly face helps. We remove place and camera data from the file.")
    )
    remove_photo = BooleanField(_l("Remove the photo"))

    picture: Picture | None = None

    def validate_photo(self, field: FileField) -> None:
        """Draw the picture anew; a file that is none becomes a sentence at the field."""
        if not field.data:
            return
        try:
            self.picture = redrawn(field.data.stream, megabytes=policy().photo_megabytes, edge=EDGE)
        except BadPicture as refusal:
            raise ValidationError(say(refusal)) from None

    @property
    def changes_photo(self) -> bool:
        """Whether the form brings a picture or takes one away."""
        return self.picture is not None or bool(self.remove_photo.data)


def keep(picture: Picture | None) -> str | None:
    """Store a picture, before the transaction begins; gives its name."""
    if picture is None:
        return None
    name = f"{public_id()}{public_id()}.webp"
    gateways().photos.keep(name, picture.data)
    return name


def forget(name: str | None) -> None:
    """Remove a picture that no profile shows any more, after the transaction has ended."""
    if name:
        gateways().photos.forget(name)
