module.exports = require('rxjs-tasks');
