"""Plain English sentences about everyday things, written for this project: what a body's geometry is measured on."""

from __future__ import annotations

SENTENCES = tuple(
    line.strip()
    for line in """
        The train to the coast leaves at half past seven.
        She planted tomatoes and beans behind the house.
        Water boils at a lower temperature in the mountains.
        The council will vote on the new bridge next week.
        He repaired the bicycle with parts from an old one.
        Bees visit more flowers on warm and dry days.
        The library closes early on Fridays.
        Our neighbours have two dogs and a cat.
        The company opened an office near the harbour.
        Bread needs flour, water, salt and time.
        The museum shows paintings from five centuries.
        A light rain fell during the whole afternoon.
        They measured the distance between the two towers.
        The teacher explained how volcanoes are formed.
        Please switch off the lights before you leave.
        The river froze for the first time in ten years.
        My brother plays the trumpet in a small orchestra.
        The price of copper rose by three percent.
        The doctor asked him to come back in a month.
        Whales breathe air and feed their young with milk.
        The software update takes about ten minutes.
        Two lanes of the motorway are closed for repairs.
        The children built a hut from branches and leaves.
        Gold is heavier than iron but much softer.
        The letter arrived three days after it was sent.
        The match ended without a goal.
        Rice is grown on terraces along the hills.
        The committee published its report in March.
        He keeps his stamps in a wooden box.
        The moon pulls on the sea and causes the tides.
        The bakery on the corner sells fresh rolls.
        Her grandmother came here from a village in the south.
        The engine is cooled by a mixture of water and glycol.
        Students can borrow up to six books at once.
        The old mill was turned into a restaurant.
        Owls hunt at night and sleep during the day.
        The court will hear both sides on Monday.
        This road follows the track of an ancient wall.
        The painter mixed blue and yellow to get green.
        The ferry carries forty cars and two hundred people.
        A new password has to be chosen every year.
        The farmer sold the wheat to a local mill.
        Sound travels faster in water than in air.
        The phone rang while we were having dinner.
        The hospital has added a second operating room.
        Swallows fly south before the winter.
        The bank lends money to small firms.
        The actor learned the text in a single week.
        Clay becomes hard when it is fired.
        The bus stops in front of the town hall.
        The telescope collects light from distant galaxies.
        We walked along the beach until it got dark.
        The recipe asks for two eggs and a cup of sugar.
        The union and the employers agreed on shorter hours.
        The carpenter cut the board to the right length.
        Ants find the shortest way to their food.
        The train was late because of snow on the tracks.
        The mayor opened the exhibition with a short speech.
        The lake is deep and very cold.
        The shop gives the money back within two weeks.
        The statue was cast in bronze.
        The pilot announced that we would land in an hour.
        Vaccines teach the body to recognise a virus.
        The bridge is painted again every seven years.
    """.strip().splitlines()
)
