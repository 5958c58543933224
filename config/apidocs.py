"""The API reference at ``/api/v1/docs/``: its pages, all served from here, and what the schema
lacks because the login belongs to allauth."""

import re
from html import escape
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.cache import get_conditional_response
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, override
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

from config.kernel.read_cache import Answer

LOGIN_PATH: Final = "/_allauth/app/v1/auth/provider/token"
_FOLDER: Final = Path(settings.BASE_DIR) / "docs" / "api"


def add_login(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A postprocessing hook: the login of a mini-program, without which nothing else begins."""
    text = {"type": "string"}
    token = {
        "type": "object",
        "required": ["client_id", "access_token"],
        "properties": {
            "client_id": {**text, "description": "appid of the mini-program"},
            "access_token": {**text, "description": "what wx.login gave; works once"},
            "phone_code": {**text, "description": "of the getPhoneNumber button, if at hand"},
        },
    }
    request = {
        "type": "object",
        "required": ["provider", "process", "token"],
        "properties": {
            "provider": {"type": "string", "enum": ["weixin_miniprogram"]},
            "process": {"type": "string", "enum": ["login"]},
            "token": token,
        },
    }
    meta = {
        "type": "object",
        "properties": {"session_token": text, "is_authenticated": {"type": "boolean"}},
    }
    result["paths"][LOGIN_PATH] = {
        "post": {
            "operationId": "login",
            "tags": ["login"],
            "summary": "Log in with the code of wx.login",
            "description": "Exchanges a login code for `meta.session_token`, to be sent as "
            "`X-Session-Token` with every call. The first login makes the member; mini-programs "
            "that share a unionid reach the same one. `DELETE /_allauth/app/v1/auth/session` "
            "ends the session. Refusals: `wechat_code_invalid`, `wechat_user_blocked`, "
            "`miniprogram_unknown`, `throttled`.",
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": request,
                        "examples": {
                            "Request": {
                                "value": {
                                    "provider": "weixin_miniprogram",
                                    "process": "login",
                                    "token": {
                                        "client_id": "wx0000000000mall01",
                                        "access_token": "0a3b5c7d9e1f2a4b6c8d0e2f4a6b8c0d",
                                    },
                                }
                            }
                        },
                    }
                },
            },
            "responses": {
                "200": {
                    "description": "Logged in",
                    "content": {
                        "application/json": {
                            "schema": {"type": "object", "properties": {"meta": meta}},
                            "examples": {
                                "Answer": {
                                    "value": {
                                        "status": 200,
                                        "meta": {
                                            "is_authenticated": True,
                                            "session_token": "ub8pt7gxqy1vcs2d0mxqkd7kw6pg5h3j",
                                        },
                                    }
                                }
                            },
                        }
                    },
                },
                "400": {"description": "The code is wrong, used or too old."},
            },
        }
    }
    return result


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, made once per process, language and format: making it takes about a
    second, and it changes only with the code."""

    _made: ClassVar[dict[tuple[str, str], Answer]] = {}
    # One makes it; whoever comes meanwhile waits and does not make it too.
    _making: ClassVar[Lock] = Lock()

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = request.GET.get("lang", "")
        language = asked if asked in dict(settings.LANGUAGES) else get_language() or ""
        with override(language):
            answer = self._answer(request, language)
        response = HttpResponse(answer.body, content_type=request.accepted_renderer.media_type)
        response.headers["Content-Disposition"] = (
            f'inline; filename="{self._get_filename(request, None)}"'
        )
        response.headers["ETag"] = answer.etag
        response.headers["Cache-Control"] = "no-cache"
        found = get_conditional_response(request._request, etag=answer.etag, response=response)
        return found or response

    def _answer(self, request: Request, language: str) -> Answer:
        renderer = request.accepted_renderer
        key = (language, renderer.media_type)
        if key not in self._made:
            with self._making:
                if key not in self._made:
                    document = self.generator_class().get_schema(request=None, public=True)
                    body: Any = renderer.render(document, renderer.media_type, {})
                    self._made[key] = Answer.of(body)
        return self._made[key]


# --- pages -----------------------------------------------------------------------------------


def reference(request: HttpRequest) -> HttpResponse:
    """Swagger UI over the schema, which it can also call."""
    return render(request, "docs_api/reference.html")


def first_call(request: HttpRequest) -> HttpResponse:
    """The guide for whoever calls the API for the first time, in the language of the request."""
    chinese = (get_language() or "").startswith("zh")
    text = _text("first-call.md" if chinese else "first-call.en.md")
    return render(request, "docs_api/guide.html", {"guide": markdown(text)})


def http_file(request: HttpRequest) -> HttpResponse:
    """The whole sale as requests that an editor can send one after the other."""
    return HttpResponse(_text("mall.http"), content_type="text/plain; charset=utf-8")


def till_http_file(request: HttpRequest) -> HttpResponse:
    """A day at a till, in the same form."""
    return HttpResponse(_text("pos.http"), content_type="text/plain; charset=utf-8")


def codes_http_file(request: HttpRequest) -> HttpResponse:
    """What begins with a code that staff give out, in the same form."""
    return HttpResponse(_text("codes.http"), content_type="text/plain; charset=utf-8")


def postman_file(request: HttpRequest) -> HttpResponse:
    """The same sale as a Postman collection; made by ``python -m tests.web.postman``."""
    return HttpResponse(_text("mall.postman_collection.json"), content_type="application/json")


def _text(name: str) -> str:
    try:
        return (_FOLDER / name).read_text(encoding="utf-8")
    except OSError:
        raise Http404 from None


_SPANS: Final = [
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\[([^\]]+)\]\(((?:https?:/)?/[^)\s]*|#[^)\s]+)\)"), r'<a href="\2">\1</a>'),
]


def markdown(text: str) -> SafeString:
    """The Markdown that our own guides use: headings, paragraphs, lists, tables, fenced code."""
    out: list[str] = []
    for block in re.split(r"(?s)(^```.*?^```$)", text, flags=re.MULTILINE):
        if block.startswith("```"):
            code = block.split("\n", 1)[1].removesuffix("```")
            out.append(f'<pre tabindex="0"><code>{escape(code)}</code></pre>')
            continue
        out += [_block(part) for part in re.split(r"\n{2,}", block) if part.strip()]
    return mark_safe("\n".join(out))


def _spans(text: str) -> str:
    text = escape(text)
    for shape, made in _SPANS:
        text = shape.sub(made, text)
    return text


def _block(text: str) -> str:
    lines = text.strip().split("\n")
    heading = re.match(r"(#{1,4}) (.+)", lines[0])
    if heading:
        size = len(heading[1])
        rest = "\n".join(lines[1:])
        return f"<h{size}>{_spans(heading[2])}</h{size}>" + (_block(rest) if rest.strip() else "")
    if lines[0].startswith("|"):
        head, _rule, *rows = [
            [_spans(cell.strip()) for cell in line.strip("|").split("|")] for line in lines
        ]
        top = "".join(f"<th>{cell}</th>" for cell in head)
        body = "".join(
            "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
        )
        return (
            f'<div class="scroll" tabindex="0"><table class="plain"><thead><tr>{top}</tr>'
            f"</thead><tbody>{body}</tbody></table></div>"
        )
    for mark, tag in ((r"- ", "ul"), (r"\d+\. ", "ol")):
        if re.match(mark, lines[0]):
            items = re.split(rf"\n(?={mark})", "\n".join(lines))
            shown = "".join(f"<li>{_spans(re.sub(mark, '', item, count=1))}</li>" for item in items)
            return f"<{tag}>{shown}</{tag}>"
    # Chinese runs on over the end of a line.
    flowing = re.sub(r"(?<=[^\x00-\x7f])\n(?=[^\x00-\x7f])", "", "\n".join(lines))
    return f"<p>{_spans(flowing)}</p>"


urlpatterns = [
    path("", reference, name="api-docs"),
    path("first-call/", first_call, name="api-first-call"),
    path("mall.http", http_file, name="api-http-file"),
    path("pos.http", till_http_file, name="api-till-http-file"),
    path("codes.http", codes_http_file, name="api-codes-http-file"),
    path("mall.postman_collection.json", postman_file, name="api-postman-file"),
]
