// SwiftShader for engines that cannot unpack it themselves.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ICD = "vk_swiftshader_icd.json";

/** The Vulkan loader's variables for the driver that Graft keeps in the user's cache; Graft unpacks it there first. */
export function softwareDriverEnvironment() {
  const engine = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
  const unpack = `import(${JSON.stringify(engine)}).then(async ({ Gpu }) => (await Gpu.open({ software: true })).close())`;
  execFileSync(process.execPath, ["-e", unpack], { stdio: "inherit" });
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "graft");
  const found = readdirSync(cache, { recursive: true }).find((path) => path.endsWith(ICD));
  if (!found) throw new Error(`no ${ICD} under ${cache}`);
  const icd = join(cache, found);
  const libraries = [dirname(icd), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":");
  return { VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd, LD_LIBRARY_PATH: libraries };
}
