import { startPage } from "../shared/page.ts";
import { readParts } from "../shared/parts.ts";

startPage();
readParts();
