// Every sentence of the shop, in two languages: English is the key, Chinese is beside it.

const zh = {
  // frame
  "Mall": "商城", "More": "更多", "Less": "减少", "Close": "关闭", "Try again": "重试", "First page": "回首页",
  "That did not work.": "没有成功。", "That did not work. Try again.": "没有成功，请重试。",
  "There is no such page.": "没有这个页面。",
  "The network is away. Try again.": "网络不通，请重试。",
  "The network is away. What you see may be old.": "网络不通，看到的内容可能不是最新的。",
  "The network is slow, please wait …": "网络有点慢，请稍候……",
  "The shop is not well just now. Try again in a moment.": "商城暂时有点忙，请稍后再试。",
  "Please open the shop in WeChat to continue.": "请在微信小程序中打开商城后继续。",
  // browsing
  "{n} m": "{n} 米", "{n} km": "{n} 公里", "open": "营业中", "closed": "休息中", "Store": "门店", "Stores": "门店",
  "Search": "搜索", "Search products": "搜索商品", "Categories": "分类", "New in store": "新品上架",
  "Nothing on the shelf yet.": "货架上还没有商品。", "Sold out here": "本店无货", "Coupons": "优惠券",
  "Stored-value cards": "储值卡", "Pay {price}, get {value}": "付 {price}，得 {value}", "{n}% off": "{zhe}折",
  "Claim": "领取", "Claimed": "已领", "“{name}” is in your coupons.": "“{name}”已放入券包。",
  "from {amount}": "满 {amount} 可用", "no minimum": "无门槛", "“{words}”": "“{words}”",
  "All products": "全部商品", "Order": "订单", "Sort": "排序", "Newest": "最新", "Price ↑": "价格 ↑", "Price ↓": "价格 ↓",
  "Nothing found.": "没有找到。",
  // a product
  "{n} at {store}": "{store}有 {n} 件", "Add to cart": "加入购物车", "In the cart: {name}": "已加入购物车：{name}",
  "Quantity": "数量", "Looking at the stores near you …": "正在看附近的门店……", "Brand": "品牌", "Details": "参数",
  "Stores that have it": "附近有货的门店", "Reviews": "评价", "{n} of 5 stars": "{n} 星（满分 5 星）",
  "No store near has it.": "附近的门店都没有。", "{n} left": "剩 {n} 件", "chosen": "已选", "Choose": "选择",
  "Use my position": "使用我的位置", "The browser does not tell where you are.": "浏览器没有给出位置。",
  "Nearest to you first": "离你最近的在前", "Seen from People's Square, Shanghai": "以上海人民广场为起点",
  "Now at {store}": "现在逛的是{store}",
  // cart and paying
  "Cart": "购物车", "Pickup at {store}": "到{store}自提", "The cart is empty.": "购物车还是空的。", "Look around": "去逛逛",
  "Take out what is not for sale here to go on.": "请先移除本店不售的商品。", "Not for sale here": "本店不售",
  "A basket from {guide}": "{guide}为你准备的购物篮", "See the order": "查看订单",
  "This has changed since you looked:": "刚才看到的价格有变化：",
  "Remove": "移除", "Pricing …": "正在计价……", "Pay {amount}": "支付 {amount}", "Place the order": "提交订单",
  "Stored-value card": "储值卡", "as much as possible": "能用多少用多少",
  "Pay with the card: {amount} on it": "使用储值卡：余额 {amount}", "{amount} of this order": "本单用 {amount}",
  "At most, in yuan": "本次最多用（元）", "{amount} more to use it": "还差 {amount} 可用",
  "Not for these products": "不适用于这些商品",
  "Nothing to take off": "没有可减的金额", "What it costs": "金额明细", "Discounts": "优惠合计", "Total": "应付合计",
  "Card, principal": "储值卡本金", "Card, bonus": "储值卡赠送", "WeChat Pay": "微信支付",
  "In a mini-program WeChat opens here. The sandbox pays for you.": "小程序里此时会弹出微信支付；沙箱替你付款。",
  "Pay now": "立即支付", "Later": "稍后再付", "Paid. Thank you.": "支付成功，谢谢。",
  "The payment is on its way; the order will show it.": "支付结果稍后会显示在订单里。",
  "{principal} principal + {bonus} bonus": "本金 {principal} + 赠送 {bonus}",
  "It pays at every store of the group. What is left can be refunded; the bonus is spent in proportion.":
    "集团各门店通用；余额可退，赠送金额按比例消费。",
  // orders
  "My orders": "我的订单", "No orders yet.": "还没有订单。", "To be paid": "待支付", "Paid": "已支付", "Completed": "已完成",
  "Closed": "已关闭", "Cancelled": "已取消", "Expired": "已过期", "The store is preparing it.": "门店正在备货。",
  "Ready: show this code at the store.": "可以取货：到店出示此码。", "Collected.": "已取货。",
  "On hold while the return is looked at.": "售后处理中，暂停取货。", "The pickup time is over.": "已过取货时间。",
  "Requested": "已申请", "Approved": "已同意", "On its way": "退款中", "Done": "已完成", "Failed": "失败", "Refused": "已拒绝",
  "What you bought": "商品", "{n} given back": "已退 {n} 件", "Give something back": "申请退货",
  "Cancel the order": "取消订单", "Pay until {time}, or the goods go back on the shelf.": "请在 {time} 前支付，过时商品将回到货架。",
  "Pickup": "自提", "Pickup code": "取货码", "Pickup code as a QR code": "取货二维码",
  "Or say the eight digits and the last four of your phone.": "也可以报八位数字和手机尾号。", "Until {time}": "{time} 前有效",
  "Play the clerk at the store desk →": "扮演店员，到店务台交付 →", "Returns and refunds": "售后与退款", "Back to {way}": "退回{way}",
  "Send the request": "提交申请", "Choose what to give back.": "请选择要退的商品。", "Why": "原因", "Asked. The store decides.": "已提交，等待门店处理。",
  // the member
  "Me": "我的", "Welcome": "你好", "Member {no}": "会员号 {no}", "Card value": "储值余额", "Points": "积分", "Pay {amount} with {points} points": "用 {points} 积分抵 {amount}", "You have {points}.": "你有 {points} 积分。", "Growth": "成长值",
  "Points shop": "积分商城", "{points} points + {amount}": "{points} 积分 + {amount}", "Exchange": "兑换", "You have had it.": "已兑换过。",
  "From {tier} on": "{tier}及以上", "Nothing here for points now.": "暂无可兑换的商品。", "Membership": "会员权益", "Code of a card": "储值卡激活码",
  "Take the card": "激活", "{n} growth to {tier}": "还差 {n} 成长值升级{tier}", "{amount} for {n} days": "{amount} / {n} 天",
  "{n} times the points": "{n} 倍积分", "Renew": "续费", "Join": "开通", "A card from my company": "单位发的储值卡",
  "From {low} to {high}, in yuan": "{low} 至 {high} 元", "Top up first and pay, in yuan": "先充值再支付（元）",
  "{amount} held": "{amount} 待支付占用", "None yet; they are sold on the first page.": "还没有，首页可购。",
  "None yet; claim some on the first page.": "还没有，首页可领。", "usable": "可用", "claimed": "已领", "in an order": "订单占用",
  "used": "已用", "given back": "已退回", "revoked": "已作废", "Log out": "退出登录", "Be somebody new": "换个新身份",
  "Log in with WeChat": "微信登录",
  "A mini-program logs its shopper in without asking. Here the sandbox plays WeChat and makes up a shopper for you.":
    "小程序会静默登录；在这里由沙箱扮演微信，为你造一位顾客。",
  "Bought": "购卡", "Topped up": "充值", "Bonus": "赠送", "Corrected": "更正", "Paid with it": "消费", "Came back": "退回",
  "Paid back": "退款", "Charged": "扣除", "Bonus withdrawn": "收回赠送", "Purchase undone": "购买撤销", "Bonus undone": "赠送撤销", "Other": "其他", "bonus": "赠送", "principal": "本金",
  "It is offered to a friend.": "正在赠送给好友。", "Nothing can be paid with this card now.": "这张卡目前不能支付。",
  "Statement": "明细", "{amount} on it": "余额 {amount}", "Nothing yet.": "还没有记录。", "Top up": "充值",
  "Amount, in yuan": "金额（元）", "Please enter an amount, such as 500.": "请输入金额，例如 500。",
  "{bonus} on top": "另赠 {bonus}", "Nothing on top for this amount.": "该金额没有赠送。",
  "Give it to a friend": "送给好友", "With all that is on it.": "连同卡内全部余额。",
  "Send this link. Whoever opens it first has the card, until {time}.": "把链接发给好友，先领先得，{time} 前有效。",
  "My gifts": "我送出的卡", "Take it back": "收回", "The link for the friend": "好友领取链接", "None yet.": "还没有。",
  "Offered": "待领取", "Accepted": "已领取", "Taken back": "已收回", "A gift for you": "送你一张卡", "Accept the card": "收下",
  "The card is yours.": "卡已归你。", "From": "来自", "A named card needs your phone first.": "记名卡须先绑定手机号。",
  "Phone": "手机号", "Bind my phone": "绑定手机号", "Your phone is bound.": "手机号已绑定。",
  "Its last four digits prove a pickup.": "取货时核对尾号。",
  // delivery
  "How you get it": "取货方式", "Collect it at the store": "到店自提", "Have it sent": "快递配送", "Delivery address": "收货地址",
  "Recipient": "收货人", "Street and number": "详细地址", "Region": "所在地区", "Send it here": "送到这里", "Change": "修改",
  "Delivery is free.": "本单免运费。", "Delivery": "运费", "To be sent": "待发货", "On its way": "已发货", "Delivered": "已送达",
  "Sent back": "已退回", "Not sent": "未发货", "Counts as delivered at {time}.": "{time} 视为送达。", "I have it": "确认收货",
  // coupons
  "To be had": "可领", "Mine": "可用", "Over": "已失效", "None to be had just now.": "暂时没有可领的优惠券。",
  "Coupon code": "兑换码", "Redeem the code": "兑换", "Have a code?": "有兑换码？", "It is in your coupons.": "已放入券包。",
  "You have none that can be used.": "还没有可用的优惠券。", "Offered to friends": "正在送给好友", "Show in the store": "到店出示",
  "Coupon code as a QR code": "优惠券二维码", "The store scans this code. It can be used once.": "请店员扫此码，用完即止。",
  "Send this link. Whoever opens it first has the coupon, until {time}.": "把链接发给好友，先领先得，{time} 前有效。",
  "Accept the coupon": "收下优惠券", "A coupon for you": "送你一张优惠券", "All coupons": "全部优惠券", "My coupons": "我的优惠券",
  "no freight": "免运费", "free": "免费兑换", "for {amount}": "{amount} 特价", "{points} points": "{points} 积分",
  // behind it
  "Behind this shop": "这个商城的背后",
  "Everything here went through the public API, as a mini-program would do it. These were the calls:":
    "这里的一切都和小程序一样，只走公开接口。刚才的调用：",
  "API reference": "接口文档", "Your first mini-program call": "第一次小程序调用", "No calls yet.": "还没有调用。",
  "Calls": "调用", "Call": "调用", "Status": "状态", "Time": "耗时",
};

const chinese = document.documentElement.lang.startsWith("zh");

// Keys without a Chinese sentence; the browser test of the shop wants it empty.
export const missing = new Set();

/** The sentence `key` in the page's language, its {fields} filled. */
export function t(key, fields = {}) {
  if (!(key in zh)) missing.add(key);
  const sentence = chinese ? zh[key] ?? key : key;
  return sentence.replace(/\{(\w+)\}/g, (_, name) => fields[name] ?? "");
}
