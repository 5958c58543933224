"""Small files of the form of the catalogue's, and a run over them."""

import csv
from pathlib import Path

from django.db import connection

from config.kernel.actors import SYSTEM
from mall.services.catalogue_import import catalogue_import

HEADERS = {
    "categories": "category_id,parent_id,name,slogan,level,sort_order",
    "brands": "brand_id,name,description",
    "products": "product_id,name,category_id,brand_id,brief,keywords,unit,list_price,"
    "retail_price,on_sale",
    "skus": "sku_id,product_id,options,price,stock",
    "attributes": "product_id,name,value",
    "reviews": "product_id,stars,text,created_at",
    "regions": "region_id,parent_id,name,level,adcode",
}
SMALL = {
    "categories": [("c2", "c1", "毛巾", "吸水", "L2", 2), ("c1", 0, "家居", "", "L1", 1)],
    "brands": [("b1", "松岚", "全棉")],
    "products": [("p1", "长绒棉毛巾", "c2", "b1", "不掉毛", "", "条", "39.00", "29.90", 1)],
    "skus": [
        ("k1", "p1", '{"颜色": "白"}', "29.90", 5),
        ("k2", "p1", '{"颜色": "蓝"}', "19.90", 0),
    ],
    "attributes": [("p1", "材质", "棉"), ("p1", "尺寸", "34×76")],
    "reviews": [("p1", 5, "好，软", "2018-02-01 00:00:00")],
}


def run(folder: Path, now, **options):
    return catalogue_import(folder=folder, actor=SYSTEM, now=now, **options)


def counts(report, name: str) -> tuple[int, int, int, int]:
    f = report.files[f"{name}.csv"]
    return f.created, f.updated, f.unchanged, f.rejected


def rejects(report) -> list[tuple[str, int]]:
    return [(r.file, r.line) for r in report.rejects]


def versions() -> dict[str, list]:
    """Row versions: PostgreSQL gives a row that is written a new ctid."""
    found = {}
    with connection.cursor() as cursor:
        for table in ("mall_category", "mall_brand", "mall_product", "mall_sku", "mall_review"):
            cursor.execute(f"SELECT id, ctid::text FROM {table} ORDER BY id")
            found[table] = cursor.fetchall()
    return found


# --- what does not -----------------------------------------------------------------------------

PRODUCT = dict(zip(HEADERS["products"].split(","), SMALL["products"][0], strict=True))
SKU = dict(zip(HEADERS["skus"].split(","), SMALL["skus"][0], strict=True))


def likeness(folder: Path) -> Path:
    for name, header in HEADERS.items():
        rows: list[tuple] = []
        if name == "categories":
            rows = [
                (f"c{i}", f"c{i // 2}" if i > 1 else 0, f"分类{i}", "", "L1", i)
                for i in range(1, 60)
            ]
        if name == "products":
            rows = [
                (
                    1000 + i,
                    f"商品{i}",
                    f"c{i % 59 + 1}",
                    0,
                    "简介",
                    "",
                    "件",
                    "99.00",
                    "89.00",
                    i % 2,
                )
                for i in range(239)
            ]
        if name == "skus":
            rows = [(i, 1000 + i, '{"规格": "标准"}', "89.00", 100) for i in range(239)]
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            writer.writerow(header.split(","))
            writer.writerows(rows)
    return folder
