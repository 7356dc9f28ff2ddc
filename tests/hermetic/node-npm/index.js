const express = require('express');
const build = require('./build.json');

const app = express();
app.get('/', (req, res) => res.json(build));
app.listen(3000);
