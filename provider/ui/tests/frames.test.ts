import { expect, test } from "vitest";
import type { Frame } from "../src/api/types";
import { folded } from "../src/panel/ErrorSections";

const t = (key: string, values: Record<string, unknown> = {}) => `${key} ${values["n"]}`;

function frame(file: string, library = false): Frame {
  return { file, line: 7, function: "f", text: `in ${file}`, library };
}

test("frames of libraries that follow one another are one line, and the last line of one's own is marked", () => {
  const frames = [
    frame("/dags/a.py"),
    frame("/lib/x.py", true),
    frame("/lib/y.py", true),
    frame("/dags/b.py"),
    frame("/lib/z.py", true),
  ];
  expect(folded(frames, t).map((line) => [line.text, line.look])).toEqual([
    ["# a.py, f", ""],
    ["in /dags/a.py", ""],
    ["# libraryFrames 2", ""],
    ["# b.py, f", ""],
    ["in /dags/b.py", "w"],
    ["# libraryFrames 1", ""],
  ]);
});
