/* Draws the dashboard's charts from the figures that came with the page. */
"use strict";
(() => {
  const given = document.getElementById("mall-charts");
  const scope = document.getElementById("mall-scope");
  if (scope) {
    scope.addEventListener("change", () => scope.requestSubmit());
  }
  if (!given || !window.echarts) return;
  const charts = JSON.parse(given.textContent);
  const root = document.documentElement;
  const drawn = [];

  const yuan = (fen) => "¥" + (fen / 100).toLocaleString("zh-CN", { minimumFractionDigits: 2 });
  const short = (fen) => {
    const amount = fen / 100;
    return amount >= 10000 ? (amount / 10000).toLocaleString("zh-CN", { maximumFractionDigits: 1 }) + "万"
      : amount.toLocaleString("zh-CN", { maximumFractionDigits: 0 });
  };

  function options(chart) {
    const dark = root.classList.contains("dark");
    const text = dark ? "#d6d3d1" : "#57534e";
    const line = dark ? "#44403c" : "#e7e5e4";
    const money = chart.series.some((one) => one.unit === "fen");
    const names = {
      type: "category", data: chart.labels, inverse: chart.horizontal,
      axisLabel: { color: text, width: chart.horizontal ? 130 : undefined, overflow: "truncate" },
      axisLine: { lineStyle: { color: line } }, axisTick: { show: false },
    };
    const amounts = [{
      type: "value", axisLabel: { color: text, formatter: money ? short : undefined },
      splitLine: { lineStyle: { color: line } }, minInterval: 1,
    }];
    if (chart.series.some((one) => one.second)) {
      amounts.push({ type: "value", axisLabel: { color: text }, splitLine: { show: false }, minInterval: 1 });
    }
    return {
      animation: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
      animationDuration: 300,
      color: dark ? ["#2dd4bf", "#fbbf24"] : ["#0d9488", "#d97706"],
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 8, right: 16, top: chart.series.length > 1 ? 36 : 12, bottom: 4, containLabel: true },
      legend: chart.series.length > 1 ? { top: 0, right: 0, textStyle: { color: text } } : undefined,
      tooltip: {
        trigger: "axis", confine: true, backgroundColor: dark ? "#292524" : "#fff",
        borderColor: line, textStyle: { color: dark ? "#f5f5f4" : "#1c1917" },
      },
      xAxis: chart.horizontal ? amounts : names,
      yAxis: chart.horizontal ? names : amounts,
      series: chart.series.map((one) => ({
        name: one.name, data: one.values, type: one.kind, yAxisIndex: one.second ? 1 : 0,
        showSymbol: false, smooth: 0.2, barMaxWidth: 22, z: one.kind === "line" ? 3 : 2,
        itemStyle: { borderRadius: 3, opacity: one.second ? 0.35 : 1 },
        areaStyle: one.kind === "line" && !chart.horizontal ? { opacity: 0.08 } : undefined,
        tooltip: { valueFormatter: (value) => (one.unit === "fen" ? yuan(value) : value) },
      })),
    };
  }

  for (const chart of charts) {
    const place = document.querySelector(`[data-chart="${chart.code}"]`);
    if (!place) continue;
    const picture = window.echarts.init(place);
    picture.setOption(options(chart));
    drawn.push([picture, chart]);
    new ResizeObserver(() => picture.resize()).observe(place);
  }
  new MutationObserver(() => {
    for (const [picture, chart] of drawn) picture.setOption(options(chart));
  }).observe(root, { attributes: true, attributeFilter: ["class"] });
})();
