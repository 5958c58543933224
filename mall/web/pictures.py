"""Pictures of products, drawn and uploaded, open to everybody."""

from hashlib import sha256

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from mall.images import image_path
from mall.pictures import product_svg
from mall.selectors.catalogue import picture_facts

# A week; the ETag then tells whether name or shelf have changed.
CACHE_SECONDS = 7 * 24 * 3600


@require_safe
def product_picture(request: HttpRequest, code: str) -> HttpResponse:
    """The picture as SVG; 304 for whoever has it. One statement."""
    facts = picture_facts(code=code)
    if facts is None:
        raise Http404
    body = product_svg(**facts).encode()
    etag = quote_etag(sha256(body).hexdigest()[:32])
    response = get_conditional_response(request, etag=etag) or HttpResponse(
        body, content_type="image/svg+xml"
    )
    response["ETag"] = etag
    response["Cache-Control"] = f"public, max-age={CACHE_SECONDS}"
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return response


@require_safe
def uploaded_picture(request: HttpRequest, name: str) -> HttpResponseBase:
    """An uploaded picture. Its name is the hash of its content, so it is good for ever."""
    try:
        file = image_path(name).open("rb")
    except (ValueError, FileNotFoundError):
        raise Http404 from None
    response = FileResponse(file, content_type="image/jpeg")
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    response["Content-Security-Policy"] = "default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response
