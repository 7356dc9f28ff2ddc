#include <Python.h>

static PyObject *built(PyObject *self, PyObject *args)
{
	(void)self;
	(void)args;
	return PyUnicode_FromString(__DATE__ " " __TIME__);
}

static PyMethodDef methods[] = { { "built", built, METH_NOARGS, "When." },
				 { NULL, NULL, 0, NULL } };
static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT, "fast", NULL, -1, methods, NULL, NULL, NULL, NULL
};

PyMODINIT_FUNC PyInit_fast(void)
{
	return PyModule_Create(&module);
}
