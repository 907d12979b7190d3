// SPDX-License-Identifier: MIT
//
// current.js CHDB FOLDER [@FILE|STATEMENT]...: the current ClickHouse, as the library in CHDB, on a database in FOLDER. Runs the statements,
// and those of files, in order, prints what they answer as TabSeparated. A statement ends where a line ends with a semicolon.
const fs = require('fs');
const { Session } = require(process.argv[2]);
const session = new Session(process.argv[3]);
for (const argument of process.argv.slice(4)) {
    const text = argument.startsWith('@') ? fs.readFileSync(argument.slice(1), 'utf8') : argument;
    for (const part of text.split(/;[ \t]*\n/)) {
        const statement = part.replace(/^--.*$/gm, '').trim().replace(/;$/, '');
        if (!statement) continue;
        try {
            process.stdout.write(session.query(statement, 'TabSeparated'));
        } catch (error) {
            console.error(`${error}\nin: ${statement.slice(0, 300)}`);
            process.exit(1);
        }
    }
}
