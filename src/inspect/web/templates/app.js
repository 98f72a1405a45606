// What makes the pages more comfortable; every one of them works without it.
"use strict";
