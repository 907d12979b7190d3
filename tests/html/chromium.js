// SPDX-License-Identifier: MIT
//
// A headless Chromium for the scripts that open pages. Its profile stands in the folder given, and nothing of it elsewhere.

"use strict";
const path = require("path");
const puppeteer = require(path.join(__dirname, "../../build/npm/node_modules/puppeteer-core"));

module.exports = (executablePath, folder) => puppeteer.launch({executablePath, headless: true, userDataDir: path.join(folder, "profile"),
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]});
