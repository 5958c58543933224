"""A page at ``/`` for people: pay an order, look at messages and mini-program codes."""

from html import escape
from typing import Any

from .world import Response, World

_HEAD = """<!doctype html><html lang="zh-CN"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>模拟微信</title><style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.3rem;
text-align:left}figure{display:inline-block;margin:.5rem}img{width:9rem}</style>
<script>
async function pay(no, mchid) {
  const answer = await fetch("/_control/pay", {method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({out_trade_no: no, mchid: mchid})});
  if (!answer.ok) alert((await answer.json()).error);
  location.reload();
}
</script><h1>模拟微信</h1>
<p>本页代替顾客的手机，仅用于开发和演示。</p>"""


def render(world: World) -> Response:
    orders = world.store.rows("SELECT * FROM trade ORDER BY created_at DESC LIMIT 50")
    messages = world.store.rows("SELECT * FROM message ORDER BY id DESC LIMIT 20")
    codes = world.store.rows("SELECT id, scene, page FROM wxacode ORDER BY id DESC LIMIT 12")
    body = "".join(
        [
            _HEAD,
            "<h2>支付单</h2><table><tr><th>单号<th>商品<th>金额<th>状态<th></tr>",
            *(_order(row) for row in orders),
            "</table><h2>订阅消息</h2><table>",
            *(f"<tr><td>{escape(row['openid'])}<td>{escape(row['data'])}" for row in messages),
            "</table><h2>小程序码</h2>",
            *(
                f'<figure><img alt="" src="/_control/codes/{row["id"]}.png">'
                f"<figcaption>{escape(row['page'])}<br>{escape(row['scene'])}</figcaption></figure>"
                for row in codes
            ),
        ]
    )
    return Response(200, body.encode(), "text/html; charset=utf-8")


def _order(row: dict[str, Any]) -> str:
    button = ""
    if row["state"] in ("NOTPAY", "USERPAYING"):
        number, mchid = escape(row["out_trade_no"], quote=True), escape(row["mchid"], quote=True)
        button = (
            f'<button data-no="{number}" data-mchid="{mchid}"'
            ' onclick="pay(this.dataset.no, this.dataset.mchid)">支付</button>'
        )
    amount = f"¥{row['total'] // 100}.{row['total'] % 100:02d}"
    cells = (row["out_trade_no"], row["description"], amount, row["state"])
    return "<tr>" + "".join(f"<td>{escape(cell)}" for cell in cells) + f"<td>{button}"
