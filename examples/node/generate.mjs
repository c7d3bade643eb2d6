// Writes the types of the control plane and of both APIs into generated/, from the OpenAPI documents of the command.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

mkdirSync("generated", { recursive: true });
for (const name of ["mock", "salsa", "segmenter"]) {
  const document = execFileSync("segment-mock", ["openapi", name], { encoding: "utf8" });
  writeFileSync(`generated/${name}.ts`, astToString(await openapiTS(document, { defaultNonNullable: false })));
}
