// Prints "PASSED FAILED" from the JSON report of a Vitest run: node scripts/count-tests.mjs REPORT STATUS
//
// A test that was skipped has not passed. A file that fails outside its tests counts as one failure, and so does a run
// that ended with another exit status than 0 although every test in the report passed, or that left no report.
import { existsSync, readFileSync } from "node:fs";

const [path, status] = process.argv.slice(2);
let passed = 0;
let failed = 0;
if (existsSync(path)) {
  for (const { status: fileStatus, assertionResults } of JSON.parse(readFileSync(path, "utf8")).testResults) {
    const failures = assertionResults.filter((test) => test.status !== "passed").length;
    passed += assertionResults.length - failures;
    failed += fileStatus === "failed" && failures === 0 ? 1 : failures;
  }
}
if (failed === 0 && (status !== "0" || passed === 0)) failed = 1;
console.log(passed, failed);
