from tests.installed_components import sought_once as sought_once
