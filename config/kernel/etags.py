"""ETags on public reads: a client that has the answer already is told so and gets no body.

The tag is a hash of the very bytes of the answer, so it can be neither stale nor wrong; what it
saves is transfer and parsing. ``Cache-Control: no-cache`` lets every cache keep the answer and
makes it ask each time: a price is never shown for longer than it holds.
"""

from typing import Any

from django.utils.cache import get_conditional_response, patch_cache_control
from rest_framework.response import Response
from rest_framework.views import APIView

from config.kernel.read_cache import etag_of


class EtagMixin(APIView):
    """Mix into an APIView whose GET anybody may see. ``If-None-Match`` is answered with 304."""

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(response, Response) and response.status_code == 200:
            response.add_post_render_callback(self._tagged)
        return response

    def _tagged(self, response: Response) -> Any:
        """Rendered: put the tag on, and answer 304 if it is the one that the client names."""
        if self.request.method not in ("GET", "HEAD"):
            return None
        tag = etag_of(response.content)
        response.headers["ETag"] = tag
        patch_cache_control(response, no_cache=True)
        return get_conditional_response(self.request._request, etag=tag, response=response)
