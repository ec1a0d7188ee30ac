"""The application as a town's server loads it: as it is, but for the one address at which it breaks."""

from tests.browser.broken import breaking
from wsgi import application

application = breaking(application)
