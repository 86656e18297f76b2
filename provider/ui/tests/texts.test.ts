import { describe, expect, test } from "vitest";
import { language } from "../src/i18n";
import { en } from "../src/i18n/en";
import { zhCN } from "../src/i18n/zh-CN";
import { bytes, duration, memory, plain, shape, shortDigest, webAddress } from "../src/ui/format";
import { diffLines } from "../src/ui/code";
import { ticks } from "../src/charts/scale";
import { matchesAll, parse } from "../src/pages/dag/filter";
import { bounds, instant, parsePeriod, since, wall } from "../src/pages/lineage/period";
import { parseQuery, withField } from "../src/pages/lineage/query";
import { kindOf } from "../src/graph/facts";
import { timeLine } from "../src/pages/lineage/Versions";
import type { ArtifactPage } from "../src/api/types";

const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();

describe("languages", () => {
  test("both have every text, with the same values in it", () => {
    expect(Object.keys(zhCN).sort()).toEqual(Object.keys(en).sort());
    for (const [key, text] of Object.entries(en)) {
      expect([key, names(zhCN[key as keyof typeof zhCN])]).toEqual([key, names(text)]);
      expect(text.trim()).not.toBe("");
    }
  });

  test("no component writes a text of its own between its tags", () => {
    const sources = import.meta.glob<string>("../src/**/*.tsx", {
      query: "?raw",
      import: "default",
      eager: true,
    });
    expect(Object.keys(sources).length).toBeGreaterThan(20);
    const found = Object.entries(sources).flatMap(([file, text]) =>
      [
        ...text.matchAll(
          /<(?:span|p|b|h\d|td|th|button|div|legend|label)[^<>]*>\s*([A-Z][a-z]+ ?[a-z]*)\s*</g,
        ),
      ].map((hit) => `${file}: ${hit[1]}`),
    );
    expect(found).toEqual([]);
  });

  test("one and many are told apart", () => {
    const { t } = language("en", "UTC");
    expect(t("toTheRight", { n: 1 })).toBe("1 step to the right");
    expect(t("toTheRight", { n: 2000 })).toBe("2,000 steps to the right");
    expect(language("zh-CN", "UTC").t("toTheRight", { n: 2 })).toBe("右侧还有 2 个步骤");
  });

  test("a value that looks like a placeholder stays what it is", () => {
    expect(language("en", "UTC").t("pathTo", { name: "{name} $& {n}" })).toBe("Path to {name} $& {n}");
  });
});

describe("numbers", () => {
  test.each([
    [0.0004, "0 ms"],
    [0.054, "54 ms"],
    [2.31, "2.3 s"],
    [48, "48 s"],
    [62, "1 m 02 s"],
    [119.6, "2 m 00 s"],
    [7384, "2 h 03 m"],
    [null, "–"],
    [Number.NaN, "–"],
  ])("%s seconds", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  test("sizes are decimal in the store and binary in memory", () => {
    expect([bytes(999), bytes(1100), bytes(438_000_000), bytes(999_999)]).toEqual([
      "999 B",
      "1.1 kB",
      "438 MB",
      "1.0 MB",
    ]);
    expect([memory(4 * 2 ** 30), memory(432_013_312)]).toEqual(["4.0 GiB", "412 MiB"]);
  });

  test("measured numbers show what says something", () => {
    const { figure } = language("en", "UTC");
    expect([figure(0.98814), figure(1 / 3), figure(12), figure(1e-7), figure(1797), figure(47.83)]).toEqual([
      "0.9881",
      "0.3333",
      "12",
      "1.00e-7",
      "1,797",
      "47.83",
    ]);
  });

  test("axes are round and hold all of the values", () => {
    const found = ticks(0.9611, 0.9944);
    expect(found[0]).toBeLessThanOrEqual(0.9611);
    expect(found.at(-1)).toBeGreaterThanOrEqual(0.9944);
    expect(ticks(5, 5).length).toBeGreaterThan(1);
  });

  test("shapes and digests", () => {
    expect(shape([1797, 65], (n) => n.toLocaleString("en"))).toBe("1,797 × 65");
    expect(shortDigest(`sha256:${"3f9ac21d".repeat(8)}`)).toBe("sha256:3f9ac21d…c21d");
    expect(plain({ a: 1 })).toBe('{"a":1}');
  });
});

describe("links of users", () => {
  test.each([
    "javascript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,x",
    "s3://b/k",
    "//evil.example",
    "vbscript:x",
    "",
    null,
    "https://",
    "jAvAsCrIpT:alert(1)",
  ])("%s stays text", (text) => {
    expect(webAddress(text)).toBeNull();
  });
  test("web pages are links", () => {
    expect(webAddress("https://example.org/a?b#c")).toBe("https://example.org/a?b#c");
  });
});

describe("code", () => {
  test("a changed line is shown as the old and the new one", () => {
    const lines = diffLines("a\nb\nc\nd\ne\nf\ng\nh\n", "a\nb\nc\nd2\ne\nf\ng\nh\n", 1)!;
    expect(lines.map((line) => line.look + line.text)).toEqual(["c", "dd", "ad2", "e"]);
  });
  test("equal texts have no difference", () => {
    expect(diffLines("a", "a")).toBeNull();
  });
});

describe("filters and search", () => {
  const row = {
    params: { "train.gamma": { value: 0.001, count: 1 } },
    metrics: {
      "evaluate.accuracy": { value: 0.98, count: 1 },
      "train.loss": { value: null, count: 9, low: 0.1, high: 0.7 },
    },
  } as never;

  test.each([
    ["accuracy > 0.9", true],
    ["evaluate.accuracy>=0.98", true],
    ["accuracy < 0.9", false],
    ["gamma = 0.001, accuracy > 0.9", true],
    ["gamma = 0.001, accuracy > 0.99", false],
    ["loss < 0.2", true],
    ["loss > 0.8", false],
    ["unknown > 1", false],
    ["", true],
  ])("%s", (text, holds) => {
    expect(matchesAll(row, parse(text).conditions)).toBe(holds);
  });
  test("what is no condition is named", () => {
    expect(parse("accuracy > 0.9, nonsense").wrong).toBe("nonsense");
  });
  test("words, digests and conditions are told apart", () => {
    expect(
      parseQuery("best model param:gamma=0.0005 metric:accuracy>0.98 dag:digits type:SVC 3f9ac21d"),
    ).toEqual({
      q: "best model",
      digest: "3f9ac21d",
      param: ["gamma=0.0005"],
      metric: ["accuracy>0.98"],
      type: "SVC",
      dag_id: "digits",
      name: null,
    });
    expect(withField("model type:SVC", "type", null)).toBe("model");
    expect(withField("model", "type", "SVC")).toBe("model type:SVC");
  });
  test("kinds follow format and type", () => {
    expect([
      kindOf("pandas.DataFrame", "arrow"),
      kindOf("sklearn.SVC", "skops"),
      kindOf("int", "json"),
      kindOf("dict", "json"),
      kindOf("Path", "directory"),
      kindOf("matplotlib.figure.Figure", "figure"),
      kindOf("foo.Bar", "foo"),
    ]).toEqual(["table", "model", "value", "json", "directory", "figure", "bytes"]);
  });
});

describe("the time that is searched", () => {
  test("is a stretch until now, or lies between moments", () => {
    const now = Date.parse("2026-11-26T05:30:59.999Z");
    expect(since("24h", now)).toBe("2026-11-25T05:30Z");
    expect(bounds(parsePeriod("7d", "2026-11-20T00:00Z"), now)).toEqual({
      made_gte: "2026-11-19T05:30Z",
      made_lt: null,
    });
    expect(bounds(parsePeriod("2026-11-20T00:00Z", "2026-11-21T12:30:15Z"), now)).toEqual({
      made_gte: "2026-11-20T00:00Z",
      made_lt: "2026-11-21T12:30:15Z",
    });
    for (const wrong of ["", "1y", "2026-11-20", "2026-99-20T00:00Z", "<script>"])
      expect(parsePeriod(wrong, wrong)).toEqual({ stretch: null, from: null, to: null });
  });

  test.each([
    ["Asia/Shanghai", "2026-11-20T20:00", "2026-11-20T12:00Z"],
    ["UTC", "2026-11-20T12:00", "2026-11-20T12:00Z"],
    ["America/New_York", "2026-11-01T00:30", "2026-11-01T04:30Z"], // the night in which summer time ends
    ["America/New_York", "2026-11-01T23:30", "2026-11-02T04:30Z"],
    ["Asia/Kathmandu", "2026-01-01T00:00", "2025-12-31T18:15Z"],
  ])("is shown in the time zone of the host: %s", (zone, shown, at) => {
    expect(instant(shown, zone)).toBe(at);
    expect(wall(at, zone)).toBe(shown);
  });

  test("is none while a year is half typed", () => {
    expect(["", "0002-11-20T12:00", "12026-11-20T12:00"].map((one) => instant(one, "UTC"))).toEqual([
      null,
      null,
      null,
    ]);
    expect(wall(null, "UTC")).toBe("");
  });
});

describe("the time line of versions", () => {
  const version = (id: string, digest: string, made: string | null) => ({
    artifact: { id, digest, made },
    metrics: [{ name: "f1", value: 1 }],
  });
  const failure = (id: string, ended: string) => ({ id, ended });

  test("has the runs that failed between them, oldest first", () => {
    const page = {
      versions: [
        version("c", "2", "2026-11-20T12:00:03.000Z"),
        version("b", "1", "2026-11-20T12:00:02.000Z"),
        version("a", "1", "2026-11-20T12:00:00.000Z"),
      ],
      more_versions: 4,
      failures: [failure("y", "2026-11-20T12:00:04.000Z"), failure("x", "2026-11-20T12:00:01.000Z")],
    } as unknown as ArtifactPage;
    const points = timeLine(page, "f1");
    expect(points.map((point) => point.id)).toEqual(["a", "x", "b", "c", "y"]);
    expect(points.map((point) => point.number)).toEqual([5, 0, 6, 7, 0]);
    expect(points.map((point) => point.same)).toEqual([false, false, true, false, false]);
    expect(points.map((point) => point.value)).toEqual([1, null, 1, 1, null]);
  });
});
