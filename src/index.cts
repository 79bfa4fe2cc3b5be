/**
 * The public API for `require("cobra-batch")`: the very modules that `import` gets, so that classes and their instances
 * are the same both ways. Node loads an ES module from `require` since 20.19; asked from inside this package it does so
 * without a warning.
 */
import api = require("./index.js");

export = api;
