// node console/tests/run.mjs [WORD...]: all tests, or those whose names have one of the words.
import { flowTests } from "./flows.mjs";
import { run } from "./harness.mjs";
import { moreFlowTests } from "./more_flows.mjs";
import { pageTests } from "./pages.mjs";
import { unitTests } from "./units.mjs";

const tests = { ...unitTests, ...flowTests, ...pageTests, ...moreFlowTests };
process.exit((await run(tests, process.argv.slice(2))) > 0 ? 1 : 0);
