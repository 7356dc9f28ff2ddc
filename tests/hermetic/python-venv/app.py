import numpy
import yaml

print(yaml.safe_dump({"mean": float(numpy.mean([1, 2, 3]))}))
